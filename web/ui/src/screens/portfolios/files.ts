// Which of the dropped files is what: OED names files freely, so names are read as people write them.

export interface Chosen { location?: File; account?: File; archive?: File; problem?: string }

const reinsurance = /(ri_?info|ri_?scope|reins)/i

/** Sorts files into location, account or archive. `problem` says why they cannot be sent as they are. */
export function sortFiles(files: readonly File[]): Chosen {
  const out: Chosen = {}
  for (const f of files) {
    const name = f.name.toLowerCase()
    if (name.endsWith('.zip')) out.archive = f
    else if (!/\.(csv|parquet|pq)$/.test(name)) return { problem: `${f.name} is neither CSV, Parquet nor zip. Save it as CSV first.` }
    else if (reinsurance.test(name)) return { problem: `${f.name} looks like reinsurance, which is not imported here. Leave it out.` }
    else if (/acc/.test(name) && !out.account) out.account = f
    else if (!out.location) out.location = f
    else if (!out.account) out.account = f
    else return { problem: 'Choose at most two files: locations, and accounts with their policy terms.' }
  }
  if (out.archive && (out.location || out.account)) return { problem: 'Choose either a zip or single files.' }
  if (!out.archive && !out.location) return { ...out, problem: files.length > 0 ? 'There is no location file among them.' : 'Choose a location file.' }
  return out
}

export function formOf(chosen: Chosen, name: string): FormData {
  const form = new FormData()
  if (name) form.append('name', name)
  if (chosen.archive) form.append('archive', chosen.archive)
  if (chosen.location) form.append('location', chosen.location)
  if (chosen.account) form.append('account', chosen.account)
  return form
}

/** A name to begin with, from the file's: "Monroe-Dade HO 2026.csv" is "Monroe-Dade HO 2026". */
export function nameFrom(chosen: Chosen): string {
  return ((chosen.archive ?? chosen.location)?.name ?? '').replace(/\.[a-z]+$/i, '').replace(/[_\s]+/g, ' ').trim()
}
