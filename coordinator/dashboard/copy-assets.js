// Puts what the compiler leaves alone beside the built page. Run by `npm run build`, from the project's root.
import { copyFileSync, readdirSync } from "node:fs";

const [from, to] = ["coordinator/dashboard/", "dist/coordinator/dashboard/"];
for (const name of readdirSync(from)) {
  if (/\.(html|css|svg)$/.test(name)) copyFileSync(from + name, to + name);
}
