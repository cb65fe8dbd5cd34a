/** The state of a graphics page: its parameters, and whether it is on. */

import type { Access } from "../live/gateway";
import { whyNot } from "./output_state";
import type { Mode } from "./cues";
import { fieldsOf } from "./fields";
import { rowsWithin } from "./layout";
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

export class Graphic {
  readonly live: LiveOutput;
  readonly #first: URLSearchParams;
  #query: URLSearchParams = $state.raw(new URLSearchParams());
  mode: Mode = $state("auto");
  /** The visible part of a long list, from 0. */
  page = $state(0);
  /** How often it was updated: what is there by then is known, and no news. */
  updates = $state(0);
  /** Why the last update was not taken; null: it was. */
  #refused: string | null = $state(null);
  /** The height of the page, in units of which its width has 192. */
  #tall = $state(tallNow());
  /** Null until it is known what the output is for. */
  readonly template: Template | null = $derived.by(
    () =>
      templateNamed(this.#query.get("template")) ??
      (this.live.view === null ? null : (TEMPLATE_OF[this.live.view] ?? "tower")),
  );
  readonly parameters: Parameters = $derived.by(() => {
    const template = this.template ?? "tower";
    const parameters = parametersOf(this.#query, template);
    return { ...parameters, rows: rowsWithin(parameters, template, this.#tall) };
  });
  /** Why the parameters of the address cannot be shown; null if they can. */
  readonly wrong: string | null = $derived(this.#whyNot(this.parameters));
  /** For the control room: why an update was refused or the graphic cannot be shown. */
  readonly complaint: string | null = $derived(this.wrong ?? this.#refused);

  constructor(address: URL) {
    this.#first = new URLSearchParams(address.search);
    this.#query = this.#first;
    const { maxHz, autoplay } = parametersOf(this.#first, "tower");
    const access: Access = {
      token: new URLSearchParams(address.hash.slice(1)).get("access_token"),
    };
    this.live = new LiveOutput(this.#first.get("output") ?? "", maxHz || LEAST_HZ, access);
    if (!autoplay) this.mode = "off";
    addEventListener("resize", () => (this.#tall = tallNow()));
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

  /**
   * Take in what a graphics system sends: XML, JSON or an object. Where it asks for a class or
   * cars that do not exist, it is refused: a typing error takes nothing off the air.
   */
  update(data: unknown): void {
    const next = updated(this.#first, this.#query, fieldsOf(data));
    this.#refused = this.#whyNot(parametersOf(next, this.template ?? "tower"));
    if (this.#refused !== null) return;
    this.page = 0;
    this.updates += 1;
    this.#query = next;
  }

  #whyNot(wanted: Parameters): string | null {
    const { output } = this.live.displayed;
    return output === null ? null : whyNot(output, wanted.class, wanted.cars);
  }
}

function tallNow(): number {
  return (192 * innerHeight) / Math.max(1, innerWidth);
}
