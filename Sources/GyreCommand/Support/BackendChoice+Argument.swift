public import ArgumentParser
public import Gyre

/// `auto`, `uring` or `epoll` as an option's value.
extension BackendChoice: ExpressibleByArgument {}
