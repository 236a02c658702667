/// An element was sent into a channel that had been finished. The element was not sent.
public struct ChannelFinishedError: Error, Sendable, CustomStringConvertible {
  /// What happened.
  public var description: String { "the channel is finished: it takes no more elements" }

  @usableFromInline init() {}
}
