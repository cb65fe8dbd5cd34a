/** The state after the newest message of a subscription. */

import { BadMessage, type Clock, type Message } from "./messages";
import { applyPatch, type JsonObject } from "./patch";

export class ReceivedState {
  /** The topics of the session; null before the first snapshot. */
  state: JsonObject | null = null;
  token: string | null = null;
  /** When the newest event was recorded, in ms by the server's clock. */
  recordedAt = 0;
  clock: Clock = { at: 0, running: false };
  #epoch = 0;

  /** Take in the next message. Throws BadMessage for a delta with nothing to change. */
  show(message: Message): void {
    if (message.kind === "snapshot") {
      this.state = message.data;
      this.#epoch = message.epoch;
    } else if (this.state === null || this.#epoch !== message.epoch) {
      throw new BadMessage(`${message.kind} ${message.token} follows no snapshot of its epoch`);
    } else if (message.kind === "delta") {
      this.state = applyPatch(this.state, message.data) as JsonObject;
    }
    this.token = message.token;
    this.recordedAt = message.at;
    this.clock = message.clock;
  }
}
