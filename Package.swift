// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
  name: "gyre",
  products: [
    .library(name: "Gyre", targets: ["Gyre"]),
    .library(name: "GyreMetrics", targets: ["GyreMetrics"]),
    .executable(name: "gyre", targets: ["GyreCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
  ],
  targets: [
    .target(
      name: "CLiburing",
      path: "CLiburing",
      linkerSettings: [.linkedLibrary("uring")]
    ),
    .target(
      name: "Gyre",
      dependencies: [
        "CLiburing",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "GyreMetrics",
      dependencies: [
        "Gyre",
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "GyreCommand",
      dependencies: [
        "Gyre",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ],
      swiftSettings: settings
    ),
    .executableTarget(name: "Echo", dependencies: ["Gyre"], path: "Examples/Echo", swiftSettings: settings),
    .executableTarget(name: "Chat", dependencies: ["Gyre"], path: "Examples/Chat", swiftSettings: settings),
    .executableTarget(name: "Proxy", dependencies: ["Gyre"], path: "Examples/Proxy", swiftSettings: settings),
    .executableTarget(name: "KeyValue", dependencies: ["Gyre"], path: "Examples/KeyValue", swiftSettings: settings),
    .executableTarget(name: "HTTP", dependencies: ["Gyre"], path: "Examples/HTTP", swiftSettings: settings),
    .executableTarget(
      name: "SharedState",
      dependencies: ["Gyre"],
      path: "Examples/SharedState",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "gyre-soak",
      dependencies: ["Gyre", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Tests/Tools/Soak",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "gyre-server-fixture",
      dependencies: ["Gyre", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Tests/Tools/ServerFixture",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "known-race",
      dependencies: ["Gyre"],
      path: "Tests/Tools/KnownRace",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "whole-program",
      dependencies: ["Gyre"],
      path: "Tests/Tools/WholeProgram",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "main-thread",
      dependencies: ["Gyre"],
      path: "Tests/Tools/MainThread",
      swiftSettings: settings
    ),
    // No dependency of the tests: what it puts into `.init_array` would run in their process. They start it by its path.
    .executableTarget(
      name: "async-program",
      dependencies: ["Gyre"],
      path: "Tests/Tools/AsyncProgram",
      swiftSettings: settings
    ),
    .executableTarget(name: "deny-call", path: "Tests/Tools/DenyCall"),
    .target(name: "CountAllocations", path: "Tests/Tools/CountAllocations"),
    // No dependency of the tests: its malloc would be theirs.
    .executableTarget(
      name: "gyre-hot-path",
      dependencies: ["CLiburing", "CountAllocations", "Gyre"],
      path: "Tests/Tools/HotPath",
      swiftSettings: settings
    ),
    .testTarget(
      name: "GyreTests",
      dependencies: [
        "Gyre", "CLiburing", "GyreCommand", "Echo", "Chat", "Proxy", "KeyValue", "HTTP", "SharedState", "deny-call",
        "gyre-soak", "known-race", "whole-program", "main-thread", "gyre-server-fixture",
        "GyreMetrics", .product(name: "MetricsTestKit", package: "swift-metrics"),
      ],
      swiftSettings: settings
    ),
  ]
)
