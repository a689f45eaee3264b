import { useState } from 'react'
import type { Schemas } from '../../api/client'
import { count, parseReturnPeriods } from '../../format'
import { Dialog } from '../../parts/dialog'
import { change, useSettings } from '../../settings'
import { useUrlState } from '../../url'

/** Return periods of the table: those of the address, else the reader's own, else the run's. */
export function useTablePeriods(run: Schemas['Run']): [number[], (text: string) => void] {
  const [inUrl, setInUrl] = useUrlState('rps', '')
  const { returnPeriods } = useSettings()
  const own = parseReturnPeriods(inUrl || returnPeriods).periods
  return [own.length > 0 ? own.slice(0, 24) : (run.spec.return_periods as number[]), setInUrl]
}

const presets = [['The run’s own', ''], ['Usual', '10 20 50 100 200 250 500 1000'], ['Standard & Poor’s', '2 5 10 20 25 50 100 200 250 500 1000'], ['Florida filing', '2 3 4 5 10 20 50 100 250 500 1000']] as const

/** Changes the return periods of the table: of this address, or kept for all runs in this browser. */
export function EditPeriods({ run }: { run: Schemas['Run'] }) {
  const [open, setOpen] = useState(false)
  const [periods, set] = useTablePeriods(run)
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>Return periods …</button>
      <Dialog title="Return periods" open={open} onClose={() => setOpen(false)}>{open ? <Editor run={run} periods={periods} set={set} close={() => setOpen(false)} /> : null}</Dialog>
    </>
  )
}

function Editor({ run, periods, set, close }: { run: Schemas['Run']; periods: number[]; set: (text: string) => void; close: () => void }) {
  const [text, setText] = useState(periods.join(' '))
  const read = parseReturnPeriods(text)
  const beyond = read.periods.filter((p) => p > run.spec.years)
  const fault = read.wrong.length > 0 ? `“${read.wrong[0]}” is no return period: write years above 1, with spaces between.` : read.periods.length > 24 ? `These are ${read.periods.length}; at most 24 fit the table.` : undefined
  return (
    <form onSubmit={(e) => { e.preventDefault(); if (!fault) { set(read.periods.join(',')); close() } }}>
      <div className={fault ? 'field wrong' : 'field'}>
        <label htmlFor="periods">Years</label>
        <input id="periods" type="text" value={text} autoFocus onChange={(e) => setText(e.target.value)} aria-describedby="periods-hint" aria-invalid={fault ? true : undefined} />
        <p className="hint" id="periods-hint">{beyond.length > 0 ? `Beyond the ${count(run.spec.years)} simulated years there is no loss: ${beyond.map(count).join(', ')}.` : 'Losses at other periods than the run’s own are computed by the appliance from the kept losses of storms.'}</p>
        {fault ? <p className="fault">✕ {fault}</p> : null}
      </div>
      <div className="actions">{presets.map(([name, value]) => <button type="button" key={name} onClick={() => setText(value || (run.spec.return_periods as number[]).join(' '))}>{name}</button>)}</div>
      <div className="actions"><button type="submit" className="primary">Show these</button><button type="button" onClick={() => { if (!fault) { change({ returnPeriods: read.periods.join(' ') }); set(''); close() } }}>Show these for all runs</button></div>
    </form>
  )
}
