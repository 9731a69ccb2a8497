"""Quality assessment of left-atrial late-gadolinium-enhancement MRI."""
