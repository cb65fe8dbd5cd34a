/** JSON Merge Patch (RFC 7396), as the gateway's deltas are. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The state after the patch. `state` stays as it is, and what did not change is shared: a
 * row that is the same object is the same row.
 */
export function applyPatch(state: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: Record<string, Json> = Object.assign(
    Object.create(null) as Record<string, Json>,
    isObject(state) ? state : undefined,
  );
  for (const name of Object.keys(patch)) {
    const change = patch[name] as Json;
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- null removes a member
    if (change === null) delete result[name];
    else result[name] = applyPatch(result[name], change);
  }
  return result;
}
