"""What a developer's machine needs: services, the running whole, throwaway places."""
