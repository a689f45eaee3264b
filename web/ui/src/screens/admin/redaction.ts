// Where something was taken out of a file of a bundle, so that its reader sees it at a glance.

import { count } from '../../format'

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

const profiles = ['goroutines.txt', 'heap.txt']

/** What a reader should know of how much was taken out; marked is how many places of it are marked in what is shown. */
export function account({ name, withheld: n }: { name: string; withheld: number }, marked: number): string {
  if (profiles.includes(name)) return 'The folders of source files were taken out.'
  if (n === 0) return 'Nothing was withheld in this file.'
  const all = n === 1 ? 'Something was withheld at 1 place' : `Something was withheld at ${count(n)} places`
  if (marked === 0) return `${all}, where nothing is left to mark.`
  if (marked < n) return `${all}. ${marked === 1 ? '1 mark shows' : `${count(marked)} marks show`} where: places beside each other have one, and what is left out whole has none.`
  return `${all}, all of them marked.`
}
