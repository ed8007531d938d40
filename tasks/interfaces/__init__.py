"""The task interface language: Label Studio's XML, read, checked and rendered by us.

    from tasks.interfaces.parse import parse, parse_cached
    interface = parse(xml)                        # InterfaceError lists every problem
    interface.check_payload({"text": "…"})        # [] if the task can be shown
    interface.render(payload, image_url=…)        # HTML fields; works without JavaScript
    answer = interface.read_form(request.POST)    # Label Studio result items
    interface.check_result(answer, payload)       # [] if it can be accepted
    interface.canonical(answer)                   # equal for equal answers

Modules, bottom up: `problems`, `reader` (safe XML), `variables`, `attributes`, `page`, `nodes`
(what a tag can do), `tags/` (one class each), `registry`, `json_values`, `interface`, `parse`.

What differs from Label Studio, on purpose:

- `style` and `className` are accepted and have no effect; so have attributes about looks.
- `choice="single"` is a radio button too. Where no answer is required there is a "No answer".
- Attribute names are read without regard to case. Unknown attributes, tags and stray text are
  refused; so is what would change the meaning and isn't there yet (`visibleWhen`, `perRegion`, …).
- `Image` shows stored images only (`media:<uuid>`), and takes `alt` or `title` as its description.
- `TextArea` holds one text. `Number` without `step` takes any number.
- The keys 1 to 9 are given to choices only, in order, around the hotkeys that are written.

CSS classes of the HTML:

- `fc-interface` around everything, `fc-view` around each View
- `fc-header` with `fc-header-1` … `fc-header-6`; always an h3, so the page has an h2 before it
- `fc-text` (needs `white-space: pre-wrap`), `fc-image` around an img, `fc-missing` in previews
- `fc-control` around each control, with `fc-choices`, `fc-rating`, `fc-textarea` or `fc-number`
- `fc-vertical`, `fc-inline`, `fc-list` (a select): how choices are laid out; `fc-rating-star`,
  `-heart`, `-fire`, `-smile`: the icon of a rating
- `fc-question` the legend or label, `fc-required` the mark in it, `fc-error` its problems (also at
  the top, for those of no control)
- `fc-options` around `fc-choice` labels (input, span, perhaps `fc-key`); `fc-none` on "No answer";
  `fc-hint` after its label
- `fc-key`: the hotkey in a kbd. Hide it until a script has bound the keys in `data-hotkey`, which
  is on inputs and, for a Rating, on its fieldset: the key raises the rating.
"""
