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

async function ask(path: string, { token }: Access): Promise<unknown> {
  const headers: HeadersInit = token === null ? {} : { Authorization: `Bearer ${token}` };
  const answer = await fetch(path, { headers, cache: "no-store" });
  if (answer.ok) return answer.json();
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

export function liveUrl(page: URL, session: string, topics: string, { token }: Access): string {
  const url = new URL(`/sessions/${encodeURIComponent(session)}/live`, page);
  url.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("topics", topics);
  if (token !== null) url.searchParams.set("access_token", token);
  return url.href;
}
