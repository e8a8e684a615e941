import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createSecureServer } from "node:tls";
import { testAuthority } from "../support/certificates.ts";

export interface TargetPorts {
  readonly port: number;
  readonly securePort: number;
  readonly authority: string;
}

const response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

// Below HTTP, because the target shares the machine with what is measured.
function serve(socket: Socket): void {
  socket.on("error", () => socket.destroy());
  socket.once("data", () => socket.end(response));
}

async function listen(server: Server): Promise<number> {
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1_024 });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const authority = testAuthority();
const secure = createSecureServer({ ...authority.issue(), minVersion: "TLSv1.3" }, serve);
secure.on("tlsClientError", (_error, socket) => socket.destroy());
const ports: TargetPorts = {
  port: await listen(createServer(serve)),
  securePort: await listen(secure),
  authority: authority.cert,
};
process.send?.(ports);
process.on("disconnect", () => process.exit(0));
