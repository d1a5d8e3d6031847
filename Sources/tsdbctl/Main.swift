import Glibc

@main
enum Main {
  static func main() {
    // A client that goes away must not end the process; writes report it.
    signal(SIGPIPE, SIG_IGN)
    let program = Program(
      name: "tsdbctl",
      summary: "A small time-series database with PromQL, compatible with Prometheus.",
      commands: [ServeCommand.command] + QueryCommand.commands
        + [DeleteCommand.command, VerifyCommand.command, InfoCommand.command]
        + CopyCommands.commands + [
          CheckCommand.config, TestCommand.promQL, PromQLCommand.format, VersionCommand.command,
        ])
    exit(program.run(Array(CommandLine.arguments.dropFirst())).rawValue)
  }
}
