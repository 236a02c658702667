// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "hummingbird-hello",
  dependencies: [.package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1")],
  targets: [
    .executableTarget(
      name: "hummingbird-hello",
      dependencies: [.product(name: "Hummingbird", package: "hummingbird")],
      path: "Sources",
      swiftSettings: [.swiftLanguageMode(.v6)]
    )
  ]
)
