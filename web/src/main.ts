import { mount } from "svelte";
import App from "./screen/App.svelte";
import "./screen/screen.css";

const target = document.getElementById("screen");
if (target !== null) mount(App, { target });
