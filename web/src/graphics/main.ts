/**
 * A graphics page. CasparCG and SPX call `play`, `stop`, `next` and `update` of the window; a
 * page around this one posts `{lapstream: "play"}` or `{lapstream: "update", data}` instead.
 */

import { mount } from "svelte";
import { AIR_WAITS_MS, fontIsThere } from "../fonts/fonts";
import { isObject } from "../live/patch";
import { Graphic } from "./graphic.svelte";
import "./graphics.css";
import Stage from "./Stage.svelte";
import { ownThemes } from "../timing/themes";

const graphic = new Graphic(new URL(location.href));

const controls = {
  play: () => graphic.play(),
  stop: () => graphic.stop(),
  next: () => graphic.next(),
  update: (data: unknown) => graphic.update(data),
};
Object.assign(window, controls);

addEventListener("message", ({ source, data }: MessageEvent<unknown>) => {
  if (source !== window.parent || !isObject(data)) return;
  const wanted = data["lapstream"];
  if (wanted === "update") controls.update(data["data"]);
  else if (wanted === "play" || wanted === "stop" || wanted === "next") controls[wanted]();
});

const target = document.getElementById("stage");
await Promise.all([fontIsThere(AIR_WAITS_MS), ownThemes(AIR_WAITS_MS)]);
if (target !== null) mount(Stage, { target, props: { graphic } });
