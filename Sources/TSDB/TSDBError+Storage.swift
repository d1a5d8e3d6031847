import Storage

/// Runs `body` and turns errors of the store into ``TSDBError``.
func wrappingStorageErrors<Result>(_ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as StorageError {
    throw TSDBError(error)
  }
}

extension TSDBError {
  init(_ error: StorageError) {
    self.init(Code(error), error.description, hint: error.hint, cause: error)
  }
}

extension TSDBError.Code {
  fileprivate init(_ error: StorageError) {
    self =
      switch error {
      case .inUse: .inUse
      case .unsupportedFormat: .unsupportedFormat
      case .overloaded: .overloaded
      case .diskFull: .diskFull
      case .exists: .exists
      case .destinationInside: .invalid
      case .notWritable: .closed
      case .invalidRegex: .invalid
      case .corrupted, .damagedJournal, .missingTables, .missingJournal, .database, .file,
        .failedEarlier:
        .failed
      }
  }
}
