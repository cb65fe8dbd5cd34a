/** Requests of the replay bar to the gateway. */

import { Refused, viewPath, type Access } from "../live/gateway";
import { parseMessage, type Message } from "../live/messages";
import { TOPICS } from "../timing/state";
import type { Moment } from "./moment";
import type { Kind } from "./timeline";

export type Speed = number | "max";

/** The state of a replay, shared by all its viewers. */
export interface Replay {
  readonly replay: string;
  readonly source: string;
  readonly as_shown: boolean;
  readonly playing: boolean;
  readonly speed: Speed;
  readonly clock_ms: number | null;
  readonly ended: boolean;
}

export type ReplayCommand =
  | { readonly do: "play" | "pause" }
  | { readonly do: "speed"; readonly speed: Speed }
  | { readonly do: "seek"; readonly to: string }
  | { readonly do: "step"; readonly to: Kind; readonly back: boolean };

async function ask(path: string, { token }: Access, more: RequestInit = {}): Promise<Response> {
  const headers = new Headers(more.headers);
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  const answer = await fetch(path, { ...more, headers, cache: "no-store" });
  if (answer.ok) return answer;
  const problem = (await answer.json().catch(() => ({}))) as { detail?: unknown };
  throw new Refused(
    answer.status,
    typeof problem.detail === "string" ? problem.detail : answer.statusText,
  );
}

async function order(path: string, access: Access, body: object): Promise<Replay> {
  const headers = { "Content-Type": "application/json" };
  const sent = { method: "POST", headers, body: JSON.stringify(body) };
  return (await (await ask(path, access, sent)).json()) as Replay;
}

/** How a replay stands, or null for a session that is none. Throws Refused. */
export async function replayNamed(name: string, access: Access): Promise<Replay | null> {
  const all = (await (await ask("/replays", access)).json()) as Replay[];
  return all.find((one) => one.replay === name) ?? null;
}

/** How it stands once it has obeyed. Throws Refused. */
export function steer(replay: string, what: ReplayCommand, access: Access): Promise<Replay> {
  const { do: command, ...body } = what;
  return order(`/replays/${encodeURIComponent(replay)}/${command}`, access, body);
}

/** Begin a replay that all can watch. Throws Refused. */
export function begin(source: string, from: string, speed: Speed, access: Access): Promise<Replay> {
  return order("/replays", access, { source, from, speed });
}

/** The snapshot of a moment. Throws Refused. */
export async function snapshotAt(
  session: string,
  { at, knownAt }: Moment,
  access: Access,
): Promise<Message & { kind: "snapshot" }> {
  const query = { at, known_at: knownAt };
  const topics = TOPICS.split(",").map((topic) => `topics=${topic}`);
  const path = `${viewPath({ session, view: "picture", query })}&${topics.join("&")}`;
  const message = parseMessage(await (await ask(path, access)).text());
  if (message.kind !== "snapshot") throw new Refused(502, "that is no picture");
  return message;
}
