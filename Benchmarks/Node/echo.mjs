// A TCP echo server on Node's net module.
//
// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:net";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { port: { type: "string", default: "0" }, sink: { type: "boolean", default: false } },
});

// Pausing while the peer does not read, as `pipe` does, without its layers.
function echo(socket) {
  socket.on("data", (chunk) => {
    if (!socket.write(chunk)) socket.pause();
  });
  socket.on("drain", () => socket.resume());
}

function discard(socket) {
  socket.on("data", () => {});
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  (values.sink ? discard : echo)(socket);
});
server.listen({ host: "127.0.0.1", port: Number(values.port), backlog: 4096 }, () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
