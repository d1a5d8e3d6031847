/// Why the database could not do what it was asked.
///
/// Catch a kind of error by its code:
///
/// ```swift
/// do {
///   let database = try Database.open(at: "data")
/// } catch TSDBError.Code.inUse {
///   // Another process writes to this directory.
/// }
/// ```
public struct TSDBError: Error, Sendable {
  /// The kind of an error; more kinds may come.
  public struct Code: Hashable, Sendable {
    private enum Kind: Hashable {
      case inUse, notADatabase, unsupportedFormat, readOnly, overloaded, failed, closed, invalid,
        refused, diskFull, exists
    }

    private let kind: Kind

    /// Another process has the directory open for writing.
    public static let inUse = Code(kind: .inUse)
    /// The directory holds no database, or can't be reached.
    public static let notADatabase = Code(kind: .notADatabase)
    /// The database was written by a newer version.
    public static let unsupportedFormat = Code(kind: .unsupportedFormat)
    /// The database was opened for reading only.
    public static let readOnly = Code(kind: .readOnly)
    /// More is waiting to be written than may wait; try again.
    public static let overloaded = Code(kind: .overloaded)
    /// The disk has too little space; once there is more, the same succeeds.
    public static let diskFull = Code(kind: .diskFull)
    /// There is a file or directory where one was to be made.
    public static let exists = Code(kind: .exists)
    /// The disk failed, or holds damaged data.
    public static let failed = Code(kind: .failed)
    /// The database was closed.
    public static let closed = Code(kind: .closed)
    /// A parameter is malformed.
    public static let invalid = Code(kind: .invalid)
    /// A sample can't be stored beside those that are there.
    public static let refused = Code(kind: .refused)

    /// Lets `catch TSDBError.Code.inUse` match.
    public static func ~= (code: Code, error: any Error) -> Bool {
      (error as? TSDBError)?.code == code
    }
  }

  /// The kind of the error.
  public let code: Code
  /// What went wrong, lower case, without a full stop.
  public let message: String
  /// What to do about it, when there is something to do.
  public let hint: String?
  /// The error underneath.
  public let cause: (any Error)?

  /// Creates an error.
  public init(_ code: Code, _ message: String, hint: String? = nil, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
    self.cause = cause
  }
}

extension TSDBError: CustomStringConvertible {
  public var description: String { message }
}
