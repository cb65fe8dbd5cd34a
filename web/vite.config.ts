import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds a gateway (`lapstream serve`). */
const gateway = process.env["LAPSTREAM_GATEWAY"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "../services/screen",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { "/sessions": { target: gateway, ws: true } },
  },
  test: { include: ["test/**/*.test.ts"] },
});
