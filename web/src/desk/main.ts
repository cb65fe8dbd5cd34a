import { mount } from "svelte";
import { fontIsThere, SCREEN_WAITS_MS } from "../fonts/fonts";
import "../screen/screen.css";
import "./desk.css";
import Desk from "./Desk.svelte";

const target = document.getElementById("desk");
await fontIsThere(SCREEN_WAITS_MS);
if (target !== null) mount(Desk, { target });
