/** Where the gateway is, and what is asked of it over HTTP. */

/** A bearer token, where reading needs one: behind `#`, so that no log on the way has it. */
export interface Access {
  readonly token: string | null;
}

export interface SessionSummary {
  readonly session: string;
  readonly title: string | null;
  readonly kind: string | null;
  readonly entries: number;
  readonly last_learned_at: string | null;
}

/** What was refused, in the gateway's words. */
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

/** The answer, or null for one that has not changed. Throws Refused. */
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
  const told = (await answer.json().catch(() => ({}))) as { detail?: unknown };
  const detail = typeof told.detail === "string" ? told.detail : answer.statusText;
  throw new Refused(answer.status, detail);
}

export async function sessions(access: Access): Promise<SessionSummary[]> {
  return (await ask("/sessions", access)) as SessionSummary[];
}

/** The server's time, in ms since 1970. Throws Refused where there is no such session. */
export async function serverTime(session: string, access: Access): Promise<number> {
  const line = (await ask(`/sessions/${encodeURIComponent(session)}`, access)) as {
    learned_at_ms: number;
    age_ms: number;
  };
  return line.learned_at_ms + line.age_ms;
}

/** What is asked of a view: its name, and its query. */
export interface Question {
  readonly session: string;
  readonly view: string;
  readonly query: Readonly<Record<string, string | number | null>>;
}

/** A view's rows; `etag` tells the same picture from another. */
export interface Told<Row> {
  readonly rows: readonly Row[];
  readonly clockMs: number;
  readonly position: string;
  readonly etag: string | null;
}

export function viewPath({ session, view, query }: Question): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== "") asked.set(name, String(value));
  const rest = asked.size > 0 ? `?${asked}` : "";
  return `/sessions/${encodeURIComponent(session)}/${view}${rest}`;
}

/** The rows of a view, or null where the picture is that of `etag`. Throws Refused. */
export async function viewOf<Row>(
  question: Question,
  access: Access,
  etag: string | null,
  signal: AbortSignal,
): Promise<Told<Row> | null> {
  const headers: Record<string, string> = etag === null ? {} : { "If-None-Match": etag };
  const answer = await answered(viewPath(question), access, { headers, signal });
  if (answer === null) return null;
  const told = (await answer.json()) as {
    session: { clock_ms: number; position: string };
    rows: readonly Row[];
  };
  return {
    rows: told.rows,
    clockMs: told.session.clock_ms,
    position: told.session.position,
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

/** How an output is arranged, and how it stands. */
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
