/** The token of the desk, stored for this tab only. */

import { Refused } from "../live/gateway";

const KEY = "lapstream.desk.token";

export type Role = "viewer" | "output" | "control" | "admin";

export interface Bearer {
  readonly name: string | null;
  readonly role: Role;
}

export function keptToken(storage: Storage): string | null {
  return storage.getItem(KEY);
}

export function keepToken(storage: Storage, token: string): void {
  storage.setItem(KEY, token);
}

export function forgetToken(storage: Storage): void {
  storage.removeItem(KEY);
}

export function mayDecide({ role }: Bearer): boolean {
  return role === "control" || role === "admin";
}

/** Why the role of this token does not suffice. */
export function roleText({ name, role }: Bearer): string {
  return (
    `This token (${name ?? "no name"}) has the role ${role}: it may look, and decide nothing. ` +
    "The desk needs one of the role control."
  );
}

/** Why a token was refused. */
export function refusalText(error: unknown): string {
  if (error instanceof Refused) return `The gateway says: ${error.message}.`;
  return "The gateway does not answer. Is it running, and is this its address?";
}
