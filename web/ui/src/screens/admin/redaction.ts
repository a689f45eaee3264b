// Where something was taken out of a file of a bundle, so that its reader sees it at a glance.

export interface Part { text: string; taken: boolean }

// What stands in the place of something: the word of the appliance; in the configuration whether a field is set; in the log and the store the
// number that an id was replaced by.
const withheld = /\[withheld\]/
const places: Record<string, RegExp> = {
  'config.json': /\[withheld\]|"(?:not )?set"/,
  'log.jsonl': /\[withheld\]|"(?:backup|run|tenant|webhook|delivery|notice) \d+"/,
  'store.json': /\[withheld\]|"tenant \d+"/,
}

/** The text in parts, by turns as it was and as it was redacted. */
export function redactions(file: string, text: string): Part[] {
  const place = new RegExp(`(${(places[file] ?? withheld).source})`, 'g')
  return text.split(place).map((part, i) => ({ text: part, taken: i % 2 === 1 })).filter((p) => p.text !== '')
}

/** What a reader should know of how much was taken out; marked is how many places of it are marked in what is shown. */
export function account(withheldPlaces: number, marked: number): string {
  if (withheldPlaces === 0) return 'Nothing was taken out of this file.'
  const all = withheldPlaces === 1 ? 'Something was taken out at 1 place' : `Something was taken out at ${withheldPlaces.toLocaleString('en-US')} places`
  if (marked === 0) return `${all}, where nothing is left to mark.`
  if (marked < withheldPlaces) return `${all}. ${marked.toLocaleString('en-US')} marks show where: places beside each other have one, and what is left out whole has none.`
  return `${all}, all of them marked.`
}
