import { readdirSync } from "node:fs";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds a gateway (`lapstream serve`). */
const gateway = process.env["LAPSTREAM_GATEWAY"] ?? "http://127.0.0.1:8000";

/** Each page is an HTML file of this folder; `services/gateway/routes/pages.py` says where it is served. */
const pages = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".html"));

export default defineConfig({
  plugins: [svelte()],
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
