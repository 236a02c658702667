/// A queue whose elements can leave from the middle: whoever waits may be cancelled, and that costs the same however many
/// others wait.
///
/// A doubly linked list in one array, whose free places are a list as well. A place is valid until its element has been taken.
struct WaitingList<Element> {
  typealias Place = Int

  fileprivate struct Node {
    var element: Element?
    var previous = WaitingList.nowhere
    /// In a free place, the next free one.
    var next = WaitingList.nowhere
  }

  private static var nowhere: Place { -1 }

  private var nodes: [Node] = []
  private var first = WaitingList.nowhere
  private var last = WaitingList.nowhere
  private var firstFree = WaitingList.nowhere
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  /// Adds an element behind all others.
  @discardableResult
  mutating func append(_ element: Element) -> Place {
    let place = takeFree()
    nodes[place] = Node(element: element, previous: last)
    if last >= 0 { nodes[last].next = place } else { first = place }
    last = place
    count += 1
    return place
  }

  /// The element that has waited longest.
  mutating func popFirst() -> Element? { first >= 0 ? remove(at: first) : nil }

  /// Takes an element out; `nil` if it has been taken.
  mutating func remove(at place: Place) -> Element? {
    guard nodes.indices.contains(place), let element = nodes[place].element else { return nil }
    let node = nodes[place]
    if node.previous >= 0 { nodes[node.previous].next = node.next } else { first = node.next }
    if node.next >= 0 { nodes[node.next].previous = node.previous } else { last = node.previous }
    nodes[place] = Node(next: firstFree)
    firstFree = place
    count -= 1
    return element
  }

  /// Takes out all elements that are meant, in their order.
  mutating func removeAll(where isMeant: (Element) -> Bool) -> [Element] {
    var (taken, place): ([Element], Place) = ([], first)
    while place >= 0 {
      let next = nodes[place].next
      if let element = nodes[place].element, isMeant(element) {
        _ = remove(at: place)
        taken.append(element)
      }
      place = next
    }
    return taken
  }

  private mutating func takeFree() -> Place {
    guard firstFree >= 0 else {
      nodes.append(Node())
      return nodes.count - 1
    }
    defer { firstFree = nodes[firstFree].next }
    return firstFree
  }
}

extension WaitingList: Sendable where Element: Sendable {}
extension WaitingList.Node: Sendable where Element: Sendable {}
