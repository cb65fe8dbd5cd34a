import { mount } from "svelte";
import { fontIsThere, SCREEN_WAITS_MS } from "../fonts/fonts";
import { ownThemes } from "../timing/themes";
import "../screen/screen.css";
import "./desk.css";
import Desk from "./Desk.svelte";

const target = document.getElementById("desk");
await Promise.all([fontIsThere(SCREEN_WAITS_MS), ownThemes(SCREEN_WAITS_MS)]);
target?.replaceChildren();
if (target !== null) mount(Desk, { target });
