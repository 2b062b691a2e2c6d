"""crmsync keeps a CRM and a project-management tool in step, from YAML mapping files."""

__version__ = "0.1.0"
