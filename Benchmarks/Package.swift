// swift-tools-version: 6.2
import PackageDescription

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
]

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
  name: "gyre-benchmarks",
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    .package(name: "gyre", path: ".."),
  ],
  targets: [
    .target(name: "EchoOptions", swiftSettings: settings),
    .target(name: "Measuring", swiftSettings: settings),
    .executableTarget(
      name: "executor-bench",
      dependencies: ["Measuring", .product(name: "Gyre", package: "gyre")],
      path: "Sources/ExecutorBench",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "fairness-bench",
      dependencies: [.product(name: "Gyre", package: "gyre")],
      path: "Sources/FairnessBench",
      swiftSettings: settings
    ),
    .target(name: "CHop"),
    .executableTarget(
      name: "hop-bench",
      dependencies: ["CHop", "Measuring", .product(name: "Gyre", package: "gyre")],
      path: "Sources/HopBench",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "inspect-bench",
      dependencies: [.product(name: "Gyre", package: "gyre")],
      path: "Sources/InspectBench",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "scaling-bench",
      dependencies: ["Measuring", .product(name: "Gyre", package: "gyre")],
      path: "Sources/ScalingBench",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "flying-socks-echo",
      dependencies: ["EchoOptions", .product(name: "FlyingSocks", package: "FlyingFox")],
      path: "Sources/FlyingSocksEcho",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "gyre-echo",
      dependencies: ["EchoOptions", .product(name: "Gyre", package: "gyre")],
      path: "Sources/GyreEcho",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "nio-async-channel-echo",
      dependencies: nio + ["EchoOptions"],
      path: "Sources/NIOAsyncChannelEcho",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "nio-handler-echo",
      dependencies: nio + ["EchoOptions"],
      path: "Sources/NIOHandlerEcho",
      swiftSettings: settings
    ),
  ]
)
