/** Addresses of the gateway, and requests over HTTP. */

import type { SeasonsRow, SessionsRow } from "../generated/rows";
import type { SessionLine, Standing, State } from "../timing/state";

/** A bearer token, where reading needs one: behind `#`, so that no log on the way has it. */
export interface Access {
  readonly token: string | null;
}

export type SessionSummary = Readonly<SessionsRow>;

export type SeasonSummary = Readonly<SeasonsRow>;

/** A refused request, with the gateway's message. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

async function ask(path: string, access: Access): Promise<unknown> {
  return (await answered(path, access, {}))?.json();
}

/** The answer, or null if it has not changed. Throws Refused. */
async function answered(
  path: string,
  { token }: Access,
  { headers = {}, signal }: { headers?: Record<string, string>; signal?: AbortSignal },
): Promise<Response | null> {
  const sent = token === null ? headers : { ...headers, Authorization: `Bearer ${token}` };
  const answer = await fetch(path, {
    headers: sent,
    cache: "no-store",
    ...(signal === undefined ? {} : { signal }),
  });
  if (answer.ok) return answer;
  if (answer.status === 304) return null;
  const problem = (await answer.json().catch(() => ({}))) as { detail?: unknown };
  const detail = typeof problem.detail === "string" ? problem.detail : answer.statusText;
  throw new Refused(answer.status, detail);
}

export async function sessions(access: Access): Promise<SessionSummary[]> {
  return (await ask("/sessions", access)) as SessionSummary[];
}

/** A session's line and rows, as a card of it needs them. */
export interface SessionNow {
  readonly session: SessionLine;
  readonly standings: State["standings"];
  readonly freshness: { readonly stale: boolean; readonly age_ms: number };
}

/** How a session stands; absent members where the gateway writes null. Throws Refused. */
export async function standings(session: string, access: Access): Promise<SessionNow> {
  const given = (await ask(`/sessions/${encodeURIComponent(session)}/standings`, access)) as {
    session: SessionLine & { stale: boolean; age_ms: number };
    rows: Standing[];
  };
  const rows = given.rows.map(withoutNulls);
  return {
    session: withoutNulls(given.session),
    standings: Object.fromEntries(rows.map((row) => [row.car, row])),
    freshness: given.session,
  };
}

function withoutNulls<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) as T;
}

/** The seasons of the store, and those that are built in. */
export async function seasons(access: Access): Promise<SeasonSummary[]> {
  return (await ask("/seasons", access)) as SeasonSummary[];
}

/** The server's time, in ms since 1970. Throws Refused where there is no such session. */
export async function serverTime(session: string, access: Access): Promise<number> {
  const line = (await ask(`/sessions/${encodeURIComponent(session)}`, access)) as {
    learned_at_ms: number;
    age_ms: number;
  };
  return line.learned_at_ms + line.age_ms;
}

/** A request of a view: its name and its query. */
export interface ViewQuery {
  readonly session: string;
  readonly view: string;
  readonly query: Readonly<Record<string, string | number | null>>;
}

/** The rows of a view; `etag` identifies this answer. */
export interface ViewAnswer<Row> {
  readonly rows: readonly Row[];
  readonly clockMs: number;
  readonly position: string;
  readonly etag: string | null;
}

export function viewPath({ session, view, query }: ViewQuery): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== "") parameters.set(name, String(value));
  const rest = parameters.size > 0 ? `?${parameters}` : "";
  return `/sessions/${encodeURIComponent(session)}/${view}${rest}`;
}

/** The rows of a view, or null if they have not changed since `etag`. Throws Refused. */
export async function viewOf<Row>(
  question: ViewQuery,
  access: Access,
  etag: string | null,
  signal: AbortSignal,
): Promise<ViewAnswer<Row> | null> {
  const headers: Record<string, string> = etag === null ? {} : { "If-None-Match": etag };
  const answer = await answered(viewPath(question), access, { headers, signal });
  if (answer === null) return null;
  const body = (await answer.json()) as {
    session: { clock_ms: number; position: string };
    rows: readonly Row[];
  };
  return {
    rows: body.rows,
    clockMs: body.session.clock_ms,
    position: body.session.position,
    etag: answer.headers.get("ETag"),
  };
}

export function liveUrl(page: URL, session: string, topics: string, { token }: Access): string {
  const url = new URL(`/sessions/${encodeURIComponent(session)}/live`, page);
  url.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("topics", topics);
  if (token !== null) url.searchParams.set("access_token", token);
  return url.href;
}

/** The configuration of an output. */
export interface OutputInfo {
  readonly view: string;
}

/** Throws Refused where there is no such output. */
export async function outputInfo(name: string, access: Access): Promise<OutputInfo> {
  return (await ask(`/outputs/${encodeURIComponent(name)}`, access)) as OutputInfo;
}

export function outputUrl(page: URL, name: string, maxHz: number, { token }: Access): string {
  const url = new URL(`/outputs/${encodeURIComponent(name)}/stream`, page);
  url.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("max_hz", String(maxHz));
  if (token !== null) url.searchParams.set("access_token", token);
  return url.href;
}
