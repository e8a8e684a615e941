// Makes dist/page, which is all that browsers load: the page, one module, one style sheet and the icon. Each further
// request would take a round trip to the coordinator, and be one more that a network that changes can break off.
// Run by `npm run build`, from the project's root.
import { copyFileSync, rmSync } from "node:fs";
import { build } from "esbuild";

const [from, to] = ["coordinator/dashboard", "dist/page"];
rmSync(to, { recursive: true, force: true });
await build({
  entryPoints: [`${from}/main.ts`, `${from}/main.css`],
  outdir: to,
  bundle: true,
  platform: "browser",
  target: "es2023",
  format: "esm",
  minify: true,
  sourcemap: true,
  legalComments: "none",
});
for (const name of ["index.html", "icon.svg"]) copyFileSync(`${from}/${name}`, `${to}/${name}`);
