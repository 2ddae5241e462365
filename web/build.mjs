// Builds everything that the dashboard serves under /assets/ into the Python package.
import { copyFile, mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const outdir = fileURLToPath(new URL("../src/ringtrail/dashboard/static/", import.meta.url));

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
await build({
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  entryPoints: ["src/dashboard.ts", "src/dashboard.css"],
  outdir,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022", "chrome110", "firefox115", "safari16.4"],
  logLevel: "info",
});
await copyFile(new URL("src/favicon.svg", import.meta.url), outdir + "favicon.svg");
