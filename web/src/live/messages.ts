/** What the gateway sends a subscriber; described at its `/asyncapi.json`. */

import { isObject, type JsonObject } from "./patch";

export interface Clock {
  /** The session clock of the newest event, in ms. */
  readonly at: number;
  /** Whether it has run on since. */
  readonly running: boolean;
}

interface Base {
  /** Resume with it: `<epoch>:<position>`. */
  readonly token: string;
  readonly epoch: number;
  /** When the newest event was learned, in ms since 1970 by the server's clock. */
  readonly at: number;
  readonly clock: Clock;
}

export type Message =
  | (Base & { readonly kind: "snapshot"; readonly data: JsonObject; readonly reason?: string })
  | (Base & { readonly kind: "delta"; readonly data: JsonObject })
  | (Base & {
      readonly kind: "heartbeat";
      readonly age_ms: number;
      /** Whether the session has a live timing feed that is not heard. */
      readonly silent?: boolean;
    });

export class BadMessage extends Error {}

/** Read a message. Throws BadMessage for anything else. */
export function parseMessage(text: string): Message {
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    throw new BadMessage("no JSON");
  }
  if (!isObject(told) || !isObject(told["clock"])) throw new BadMessage("no message");
  const { kind, token, epoch, at, clock } = told;
  const based =
    typeof token === "string" &&
    typeof epoch === "number" &&
    typeof at === "number" &&
    typeof clock["at"] === "number" &&
    typeof clock["running"] === "boolean";
  const whole =
    kind === "heartbeat"
      ? typeof told["age_ms"] === "number"
      : (kind === "snapshot" || kind === "delta") && isObject(told["data"]);
  if (!based || !whole) throw new BadMessage(`no message: ${text.slice(0, 80)}`);
  return told as unknown as Message;
}
