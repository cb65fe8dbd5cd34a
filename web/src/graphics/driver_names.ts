/**
 * Family names of drivers, as in `projections/views/driver_names.py`, which explains the rules:
 * capitals mark the family name, a comma ends one that stands first, particles belong to it, a
 * suffix does not, nor does what stands in quotation marks or brackets. A test compares both on the same names.
 */

import names from "../../../projections/names.json";

export interface NameParts {
  given: string;
  family: string;
}

const PARTICLES = new Set(names.particles);
const GIVEN_OR_PARTICLE = new Set(names.given_or_particle);
const SUFFIXES = new Set(names.suffixes);
const GENERATIONS = new Set(names.generations);
const TITLES = new Set(names.titles);
const SECOND_GIVEN_NAMES = new Set(names.second_given_names);

/** A particle of one letter, which without its accent is an initial. */
const IRISH_PARTICLE = "Ó";

const EAST_ASIAN = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/;
const TWO_LETTER_NAME = /^([A-Z][AEIOUY]|AN|NG)$/;
const ASIDE = /(?<!\S)(?:"[^"]*"|“[^”]*”|\([^)]*\)|\[[^\]]*\])(?!\S)/g;

/** The given and the family names of a driver; a name of one word is the family name. */
export function nameParts(printed: string): NameParts {
  const name = printed.replaceAll(ASIDE, " ").trim() || printed;
  const comma = name.indexOf(",");
  const after = comma < 0 ? "" : name.slice(comma + 1).trim();
  if (comma >= 0 && !SUFFIXES.has(folded(after)))
    return { given: after, family: withoutSuffixes(split(name.slice(0, comma))).join(" ") };
  const printedWords = split(name.replaceAll(",", " ").replaceAll("・", " "));
  const words = withoutSuffixes(withoutTitles(printedWords));
  const [start, end] = family(words, name.includes("・"));
  const given = [...words.slice(0, start), ...words.slice(end)];
  return { given: given.join(" "), family: words.slice(start, end).join(" ") };
}

/** The words of the family name: its first, and the one behind its last. */
function family(words: string[], western: boolean): [number, number] {
  const [first] = words;
  if (first === undefined || words.length < 2) return [0, words.length];
  if (EAST_ASIAN.test(first) && !western) return [0, 1];
  const capitals = words.map(isInCapitals);
  if (capitals.includes(true) && capitals.includes(false)) return inCapitals(words, capitals);
  if (beginsWithParticle(first, words.length)) return [0, words.length];
  let start = 1;
  while (start < words.length - 1 && isGiven(words[start] ?? "")) start += 1;
  return [start, words.length];
}

/** The words in capitals, with the particles before them. */
function inCapitals(words: string[], capitals: boolean[]): [number, number] {
  let start = capitals.indexOf(true);
  let end = start + 1;
  while (capitals[end]) end += 1;
  while (start > 0 && isParticle(words[start - 1] ?? "")) start -= 1;
  return [start, end];
}

function isInCapitals(word: string, index: number): boolean {
  const letters = word.replaceAll(/\P{L}/gu, "");
  if (!/\p{Lu}{2}$/u.test(letters)) return false;
  const initials = index === 0 && (letters.length === 2 || word.includes("."));
  return !initials || TWO_LETTER_NAME.test(letters) || PARTICLES.has(folded(letters));
}

/** A particle in small letters, as before a name in capitals. */
function isParticle(word: string): boolean {
  return PARTICLES.has(folded(word)) && isLower(word);
}

function beginsWithParticle(first: string, count: number): boolean {
  if (!PARTICLES.has(folded(first))) return false;
  return isLower(first) || (count === 2 && !GIVEN_OR_PARTICLE.has(folded(first)));
}

function isGiven(word: string): boolean {
  const isInitial = word.replace(/\.+$/, "").length === 1 && word !== IRISH_PARTICLE;
  return isInitial || SECOND_GIVEN_NAMES.has(folded(word));
}

function withoutTitles(words: string[]): string[] {
  let start = 0;
  while (start < words.length - 1 && TITLES.has(folded(words[start] ?? ""))) start += 1;
  return words.slice(start);
}

function withoutSuffixes(words: string[]): string[] {
  let end = words.length;
  while (end > 1 && SUFFIXES.has(folded(words[end - 1] ?? ""))) end -= 1;
  while (end > 2 && GENERATIONS.has(folded(words[end - 1] ?? ""))) end -= 1;
  return words.slice(0, end);
}

function split(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

function isLower(word: string): boolean {
  return word === word.toLowerCase() && word !== word.toUpperCase();
}

function folded(word: string): string {
  return word
    .normalize("NFKD")
    .replaceAll(/[\p{M}.]/gu, "")
    .toLowerCase();
}
