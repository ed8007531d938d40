"""Endpoints of work. Clients: `batches`, `uploads`, `reviews`, `results`. Workers: `offers`,
`work`, `earnings`. What several of them answer with is in `shapes`.
"""
