/** The graphic under control: what it shows, and whether it is on. */

import type { Access } from "../live/gateway";
import type { Mode } from "./cues";
import { fieldsOf } from "./fields";
import { LiveOutput } from "./output.svelte";
import {
  parametersOf,
  TEMPLATE_OF,
  templateNamed,
  updated,
  type Parameters,
  type Template,
} from "./parameters";

const LEAST_HZ = 10;

export class Air {
  readonly live: LiveOutput;
  readonly #first: URLSearchParams;
  #query: URLSearchParams = $state.raw(new URLSearchParams());
  mode: Mode = $state("auto");
  /** Which part of a list is shown, from 0. */
  page = $state(0);
  /** Null until it is known what the output is for. */
  readonly template: Template | null = $derived.by(
    () =>
      templateNamed(this.#query.get("template")) ??
      (this.live.view === null ? null : (TEMPLATE_OF[this.live.view] ?? "tower")),
  );
  readonly parameters: Parameters = $derived(
    parametersOf(this.#query, this.template ?? "tower"),
  );

  constructor(address: URL) {
    this.#first = new URLSearchParams(address.search);
    this.#query = this.#first;
    const { maxHz, autoplay } = parametersOf(this.#first, "tower");
    const access: Access = {
      token: new URLSearchParams(address.hash.slice(1)).get("access_token"),
    };
    this.live = new LiveOutput(this.#first.get("output") ?? "", maxHz || LEAST_HZ, access);
    if (!autoplay) this.mode = "off";
  }

  play(): void {
    this.mode = "on";
  }

  stop(): void {
    this.mode = "off";
  }

  /** The next part of a list that is longer than its rows. */
  next(): void {
    this.page += 1;
  }

  /** Take in what a graphics system sends: XML, JSON or an object. */
  update(data: unknown): void {
    this.page = 0;
    this.#query = updated(this.#first, this.#query, fieldsOf(data));
  }
}
