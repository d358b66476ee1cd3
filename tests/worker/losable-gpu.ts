/** A real GPU that is lost when a test says so: its device is destroyed under whoever uses it, who hears of a loss. */
export class LosableGpu {
  /** Told what is about to be submitted or read, by the label of its encoder or buffer; returns whether the GPU is lost right after it. */
  strikes: (label: string) => boolean = () => false;
  readonly instance: GPU;
  #device: GPUDevice | undefined;

  constructor(gpu: GPU) {
    this.instance = {
      requestAdapter: async (options: GPURequestAdapterOptions) => {
        const adapter = await gpu.requestAdapter(options);
        if (!adapter) return null;
        const { info, features, limits } = adapter;
        const requestDevice = async (descriptor: GPUDeviceDescriptor) =>
          this.#losable(await adapter.requestDevice(descriptor));
        return { info, features, limits, requestDevice };
      },
    } as unknown as GPU;
  }

  lose(): void {
    this.#device?.destroy();
  }

  /** Has the device refuse something that nobody in particular waits for. */
  refuse(): void {
    this.#device?.createBuffer({ label: 'useless', size: 4, usage: 0 });
  }

  #losable(device: GPUDevice): GPUDevice {
    this.#device = device;
    const { queue, lost } = device;
    let isDue = false;
    const see = (label: string | undefined): void => {
      isDue ||= this.strikes(label ?? '');
    };
    const createBuffer = device.createBuffer.bind(device);
    const createCommandEncoder = device.createCommandEncoder.bind(device);
    const submit = queue.submit.bind(queue);
    queue.submit = (buffers) => {
      submit(buffers);
      if (!isDue) return undefined;
      isDue = false;
      this.lose();
      return undefined;
    };
    return Object.defineProperties(device, {
      queue: { value: queue },
      // A test destroys it; whoever uses it hears of a driver that was reset.
      lost: { value: lost.then(({ message }) => ({ reason: 'unknown', message })) },
      createBuffer: {
        value: (descriptor: GPUBufferDescriptor) => {
          see(descriptor.label);
          return createBuffer(descriptor);
        },
      },
      createCommandEncoder: {
        value: (descriptor?: GPUCommandEncoderDescriptor) => {
          see(descriptor?.label);
          return createCommandEncoder(descriptor);
        },
      },
    });
  }
}
