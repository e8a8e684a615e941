import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

const response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

// Below HTTP, because the target shares the machine with what is measured.
const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.once("data", () => socket.end(response));
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 1_024 });
await once(server, "listening");
process.send?.({ port: (server.address() as AddressInfo).port });
process.on("disconnect", () => process.exit(0));
