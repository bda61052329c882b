"""Configuration from templates: Jinja2, undefined names refused."""
