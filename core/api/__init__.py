"""What every endpoint stands on: strict inputs, plain outputs, one kind of error, its description.

Modules: `fields` (Strict, Shape and their fields), `bodies` (limits, JSON, spooled files), `schema`
(how an endpoint is described), `views` (the base of all views).
"""
