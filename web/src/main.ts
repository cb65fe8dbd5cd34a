import { mount } from "svelte";
import { fontIsThere, SCREEN_WAITS_MS } from "./fonts/fonts";
import App from "./screen/App.svelte";
import "./screen/screen.css";

const target = document.getElementById("screen");
await fontIsThere(SCREEN_WAITS_MS);
if (target !== null) mount(App, { target });
