/** Requests of the desk to the gateway. */

import { Refused } from "../live/gateway";
import type { DecisionRow } from "./decision_list";
import type { Answer, Order } from "./decisions";
import type { Bearer } from "./token";

const PATIENCE_MS = 8_000;

/** The preview of a correction in a 24-hour race takes longer. */
const PREVIEW_MS = 20_000;

/** Send a request with a timeout. Rejects if there is no answer. */
async function ask(
  path: string,
  token: string | null,
  more: RequestInit = {},
  patience = PATIENCE_MS,
): Promise<Response> {
  const headers = new Headers(more.headers);
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  const signal = AbortSignal.timeout(patience);
  return fetch(path, { ...more, headers, signal, cache: "no-store" });
}

async function answer(
  path: string,
  token: string,
  body: unknown,
  patience = PATIENCE_MS,
): Promise<Answer> {
  const headers = { "Content-Type": "application/json" };
  const options = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await ask(path, token, options, patience);
  return { status: response.status, body: await response.json().catch(() => null) };
}

async function refusalOf(response: Response): Promise<Refused> {
  const result = (await response.json().catch(() => ({}))) as { detail?: string };
  return new Refused(response.status, result.detail ?? response.statusText);
}

function ofSession(session: string): string {
  return `/sessions/${encodeURIComponent(session)}`;
}

/** Throws Refused for a token that is not known. */
export async function whoami(token: string): Promise<Bearer> {
  const response = await ask("/whoami", token);
  if (!response.ok) throw await refusalOf(response);
  return (await response.json()) as Bearer;
}

/** Without `at_ms` the gateway sets the time. */
export function decide(
  session: string,
  token: string,
  { at_ms, expected, ...order }: Order,
  dryRun: boolean,
): Promise<Answer> {
  const path = `${ofSession(session)}/decisions${dryRun ? "?dry_run=true" : ""}`;
  const body = {
    ...order,
    ...(at_ms === null ? {} : { at_ms }),
    ...(expected === null || dryRun ? {} : { expected }),
  };
  return answer(path, token, body, dryRun ? PREVIEW_MS : PATIENCE_MS);
}

export interface DecisionRows {
  readonly rows: readonly DecisionRow[];
  readonly etag: string | null;
}

/** The list of decisions; null if it has not changed since `etag`. Throws Refused. */
export async function decisions(
  session: string,
  token: string,
  etag: string | null,
): Promise<DecisionRows | null> {
  const response = await ask(`${ofSession(session)}/decisions?limit=1000`, token, {
    headers: etag === null ? {} : { "If-None-Match": etag },
  });
  if (response.status === 304) return null;
  if (!response.ok) throw await refusalOf(response);
  const { rows } = (await response.json()) as { rows: readonly DecisionRow[] };
  return { rows, etag: response.headers.get("ETag") };
}

export interface DrivenLap {
  readonly lap: number;
  readonly at_ms: number;
  readonly lap_time_ms: number | null;
  readonly driver: string | null;
  readonly in_pit_lane: boolean;
  readonly deleted: boolean;
}

/** The laps of a car, the last one first; none for a car that is not there. */
export async function lapsOf(session: string, token: string, car: string): Promise<DrivenLap[]> {
  const parameters = new URLSearchParams({ car });
  const response = await ask(`${ofSession(session)}/laps?${parameters}`, token);
  if (!response.ok) return [];
  return ((await response.json()) as { rows: DrivenLap[] }).rows.reverse();
}

export interface Output {
  readonly name: string;
  readonly session: string;
  readonly view: string;
  readonly hold: {
    readonly by: string;
    readonly since_ms: number;
    readonly reason: string | null;
  } | null;
  readonly age_ms: number | null;
  readonly stale: boolean | null;
}

/** The graphics outputs of the session; those that cannot be read have none. Throws Refused. */
export async function outputs(session: string, token: string): Promise<Output[]> {
  const response = await ask("/outputs", token);
  if (!response.ok) throw await refusalOf(response);
  return ((await response.json()) as Output[]).filter((one) => one.session === session);
}

export function hold(token: string, name: string, frozen: boolean): Promise<Answer> {
  const path = `/outputs/${encodeURIComponent(name)}/${frozen ? "freeze" : "release"}`;
  return answer(path, token, {});
}
