// How this browser shows things. It is kept in this browser, and sent to nobody.
import { useId } from 'react'
import { change, useSettings } from '../../settings'

export function Here() {
  const s = useSettings()
  return (
    <section className="panel">
      <h2>In this browser</h2>
      <p className="muted">Kept in this browser alone, and sent to nobody.</p>
      <div className="settings">
        <Options legend="Theme" value={s.theme} choices={[['system', 'As the system'], ['light', 'Light'], ['dark', 'Dark']]} onChange={(theme) => change({ theme })} />
        <Options legend="Rows of tables" value={s.density} choices={[['compact', 'Compact'], ['comfortable', 'Comfortable']]} onChange={(density) => change({ density })} />
        <Options legend="Keys of one letter" value={s.singleKeys ? 'on' : 'off'} choices={[['on', 'On'], ['off', 'Off']]} onChange={(v) => change({ singleKeys: v === 'on' })} />
        <p className="hint">When off, single letters do nothing: for those who dictate or press keys by accident. <kbd>Ctrl K</kbd>, arrows and Enter go on working.</p>
      </div>
    </section>
  )
}

function Options<T extends string>({ legend, value, choices, onChange }: { legend: string; value: T; choices: readonly (readonly [T, string])[]; onChange: (v: T) => void }) {
  const name = useId()
  return (
    <fieldset className="option-row">
      <legend>{legend}</legend>
      {choices.map(([v, text]) => <label key={v}><input type="radio" name={name} checked={v === value} onChange={() => onChange(v)} /> {text}</label>)}
    </fieldset>
  )
}
