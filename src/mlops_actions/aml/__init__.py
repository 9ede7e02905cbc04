"""What running a pipeline on Azure ML takes: its submission, the job as it runs, and what the job registered."""
