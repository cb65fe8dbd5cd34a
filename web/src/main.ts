import { mount } from "svelte";
import { fontIsThere, SCREEN_WAITS_MS } from "./fonts/fonts";
import App from "./screen/App.svelte";
import "./screen/screen.css";
import { ownThemes } from "./timing/themes";

const target = document.getElementById("screen");
await Promise.all([fontIsThere(SCREEN_WAITS_MS), ownThemes(SCREEN_WAITS_MS)]);
target?.replaceChildren();
if (target !== null) mount(App, { target });
