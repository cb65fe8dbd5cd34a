import { mount } from "svelte";
import "../screen/screen.css";
import "./desk.css";
import Desk from "./Desk.svelte";

const target = document.getElementById("desk");
if (target !== null) mount(Desk, { target });
