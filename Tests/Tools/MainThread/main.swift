import Gyre

let backend = BackendChoice(rawValue: CommandLine.arguments[2])!
let scenes = Scenes(
  loops: Int(CommandLine.arguments[3])!,
  configuration: EventLoop.Configuration(backend: backend)
)
try scenes.play(CommandLine.arguments[1])
Scenes.say("returned", true)
