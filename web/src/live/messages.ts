/** Subscription messages, which the gateway describes at `/asyncapi.json`. */

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
  /** When the newest event was recorded, in ms since 1970 by the server's clock. */
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
    })
  | (Base & {
      readonly kind: "forecast";
      /** The position of the newest event that it was made from. */
      readonly made_from: string;
      /** Null where there is none: `reason` says why. */
      readonly data: JsonObject | null;
      readonly reason?: string;
    });

export class BadMessage extends Error {}

/** Read a message. Throws BadMessage for anything else. */
export function parseMessage(text: string): Message {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadMessage("no JSON");
  }
  if (!isObject(value) || !isObject(value["clock"])) throw new BadMessage("no message");
  const { kind, token, epoch, at, clock } = value;
  const based =
    typeof token === "string" &&
    typeof epoch === "number" &&
    typeof at === "number" &&
    typeof clock["at"] === "number" &&
    typeof clock["running"] === "boolean";
  const data = value["data"];
  const whole =
    kind === "heartbeat"
      ? typeof value["age_ms"] === "number"
      : kind === "forecast"
        ? isObject(data) || data === null
        : (kind === "snapshot" || kind === "delta") && isObject(data);
  if (!based || !whole) throw new BadMessage(`no message: ${text.slice(0, 80)}`);
  return value as unknown as Message;
}
