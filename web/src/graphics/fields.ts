/**
 * What graphics systems hand to `update`: CasparCG's XML (`<templateData>`), JSON as CasparCG
 * clients and SPX send it, or an object.
 */

import { isObject } from "../live/patch";

export type Fields = Readonly<Record<string, string>>;

/** The fields by name; none for what is no data. */
export function fieldsOf(data: unknown): Fields {
  if (typeof data === "string") {
    const text = data.trim();
    if (text.startsWith("<")) return fieldsOfXml(text);
    try {
      return fieldsOf(JSON.parse(text) as unknown);
    } catch {
      return {};
    }
  }
  if (!isObject(data)) return {};
  const entries = Object.entries(data).flatMap(([name, value]) =>
    typeof value === "string" || typeof value === "number" ? [[name, String(value)]] : [],
  );
  return Object.fromEntries(entries) as Fields;
}

const COMPONENT = /<componentData\s+id\s*=\s*(["'])(.*?)\1\s*>([\s\S]*?)<\/componentData>/g;
const VALUE = /<data\s[^>]*?value\s*=\s*(["'])([\s\S]*?)\1/;

function fieldsOfXml(text: string): Fields {
  const fields: Record<string, string> = {};
  for (const [, , name, inner] of text.matchAll(COMPONENT)) {
    const value = VALUE.exec(inner ?? "")?.[2];
    if (name !== undefined && value !== undefined) fields[plain(name)] = plain(value);
  }
  return fields;
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function plain(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name as string] ?? whole;
    const code = hex === undefined ? Number(decimal) : parseInt(hex as string, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
