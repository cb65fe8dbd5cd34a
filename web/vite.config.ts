import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds a gateway (`lapstream serve`). */
const gateway = process.env["LAPSTREAM_GATEWAY"] ?? "http://127.0.0.1:8000";

/** Each page is an HTML file of this folder; `services/gateway/routes/pages.py` says where it is served. */
const pages = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".html"));

const COMPRESSED = /\.(js|css|svg)$/;
/** A smaller file is no smaller on the wire. */
const LEAST = 1000;

/** Compressed copies of what is built, which the gateway sends to those who accept them. */
function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved: ({ root, build }) => {
      folder = join(root, build.outDir, build.assetsDir);
    },
    closeBundle: () => {
      for (const name of readdirSync(folder).filter((file) => COMPRESSED.test(file))) {
        const path = join(folder, name);
        const content = readFileSync(path);
        if (content.length < LEAST) continue;
        const quality = { [constants.BROTLI_PARAM_QUALITY]: content.length > 1_000_000 ? 9 : 11 };
        writeFileSync(`${path}.br`, brotliCompressSync(content, { params: quality }));
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte(), compressed()],
  build: {
    outDir: "../services/screen",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: pages },
  },
  server: {
    fs: { allow: [".."] }, // data files that Python reads, too
    proxy: {
      "/sessions": { target: gateway, ws: true },
      "/outputs": { target: gateway, ws: true },
      "/whoami": { target: gateway },
    },
  },
  test: { include: ["test/**/*.test.ts"] },
});
